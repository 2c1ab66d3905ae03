"""PANalytical and Malvern."""
