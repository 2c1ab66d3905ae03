from .relation import relate as relate
from .trend import trends as trends
