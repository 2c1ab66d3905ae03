"""Reader of Bruker OPUS files."""
