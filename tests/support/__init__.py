"""What tests of several kinds use: hosts of the lab, stand-ins, how they are run side by side."""
