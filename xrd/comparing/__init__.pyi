from .compare import compare_patterns as compare_patterns
from .repeat_learning import learn_repeatability as learn_repeatability
from .result import Comparison as Comparison
from .similarity import plot_similarity as plot_similarity
from .similarity import similarity_matrix as similarity_matrix
from .suspects import DECOMPOSITION_PRODUCTS as DECOMPOSITION_PRODUCTS
from .suspects import Suspects as Suspects
from .suspects import suspected_phases as suspected_phases
