from .repeatability import Repeatability as Repeatability
