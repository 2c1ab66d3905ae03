from .batch import load_batch as load_batch
from .models import Batch as Batch
from .models import Recipe as Recipe
from .recipe import load_recipe as load_recipe
from .schemas import json_schema as json_schema
from .starter import make_starter as make_starter
