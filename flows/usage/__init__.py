"""The page of usage: what calls of models have cost, by time and by whom they were for."""
