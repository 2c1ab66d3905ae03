from .charge import side_reaction_charge as side_reaction_charge
from .compare import VoltammogramComparison as VoltammogramComparison
from .compare import compare_voltammograms as compare_voltammograms
from .peak import oxidation_peak as oxidation_peak
from .scans import split_scans as split_scans
