"""`cloister up`: the whole appliance on one machine, on parts that come as Python packages."""
