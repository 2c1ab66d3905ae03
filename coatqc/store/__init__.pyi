from .store import history as history
from .store import record as record
