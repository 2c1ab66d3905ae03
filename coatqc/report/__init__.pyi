from .inspection import describe as describe
from .trend_page import plot_trend as plot_trend
from .write import write_report as write_report
