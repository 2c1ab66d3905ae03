from .parameters import CrackParameters as CrackParameters
from .particles import find_particles as find_particles
from .particles import particle_table as particle_table
