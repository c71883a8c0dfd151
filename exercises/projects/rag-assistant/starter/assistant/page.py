"""The page: a question, the answer as it comes, and its sources."""

# one HTML document; what comes from outside is set as text, never as HTML
