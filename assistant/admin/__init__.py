"""Running the appliance: states and numbers, never content."""
