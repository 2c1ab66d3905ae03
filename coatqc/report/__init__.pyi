from .inspection import describe as describe
from .write import write_report as write_report
