from .demo import make_demo as make_demo
