"""The customers that the CRM knows."""
