from .run import BatchResult as BatchResult
from .run import run_batch as run_batch
from .verdict import conformance_probability as conformance_probability
from .verdict import judge as judge
