"""An assistant that answers questions about documents."""
