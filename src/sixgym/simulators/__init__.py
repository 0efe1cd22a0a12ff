"""Physics: ns-3, packet level, in a process of its own. Everything below the backends' waist."""
