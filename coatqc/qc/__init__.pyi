from .batch import Batch as Batch, load_batch as load_batch
from .demo import make_demo as make_demo
from .measurement import Measurement as Measurement
from .quantities import QUANTITIES as QUANTITIES
from .run import BatchResult as BatchResult, run_batch as run_batch
from .verdict import conformance_probability as conformance_probability, judge as judge
