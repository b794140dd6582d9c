"""A suspected breach: evidence that is kept before anything is changed, and where secrets leak."""
