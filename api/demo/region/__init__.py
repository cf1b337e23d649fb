"""A region in a box: a simulated provincial platform, and a second hospital beside ours, as separate processes."""
