import gc

# Requests and runs make many objects that live for a moment; by default every 700 of them are searched for cycles.
gc.set_threshold(20_000, 20, 20)
