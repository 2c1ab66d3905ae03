from .registry import FileStart as FileStart
from .registry import Reader as Reader
from .registry import read as read
from .registry import readers as readers
from .replicates import as_replicates as as_replicates
from .replicates import read_replicates as read_replicates
