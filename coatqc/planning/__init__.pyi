from .sample_size import Plan as Plan
from .sample_size import plan as plan
