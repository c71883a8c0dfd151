"""Many submissions: graded side by side, written down one by one, taken up again where they stopped."""
