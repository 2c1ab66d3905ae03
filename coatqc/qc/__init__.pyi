
from .batch import Batch as Batch
from .batch import load_batch as load_batch
from .demo import make_demo as make_demo
from .many import run_batches as run_batches
from .planning import plan as plan
from .quantities import QUANTITIES as QUANTITIES
from .relation import relate as relate
from .run import BatchResult as BatchResult
from .run import run_batch as run_batch
from .store import history as history
from .store import record as record
from .trend import trends as trends
from .verdict import conformance_probability as conformance_probability
from .verdict import judge as judge
