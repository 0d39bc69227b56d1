"""What a change costs the ambassador's agent, by how many clients its host has."""
