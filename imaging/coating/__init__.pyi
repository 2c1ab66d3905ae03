from .settings import TemSettings as TemSettings
from .thickness import CoatingThickness as CoatingThickness
from .thickness import coating_thickness as coating_thickness
