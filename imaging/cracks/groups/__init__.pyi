from .compare import CrackComparison as CrackComparison
from .compare import compare_cracks as compare_cracks
from .files import CrackFiles as CrackFiles
from .files import find_cracks_in_files as find_cracks_in_files
from .manual_review import read_review as read_review
from .manual_review import review as review
