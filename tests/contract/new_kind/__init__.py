"""Two kinds of question that `test_new_kind` adds to a copy of the project, and their checks."""
