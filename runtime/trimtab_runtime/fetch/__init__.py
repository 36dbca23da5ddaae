"""The init container of every served pod: one source becomes one model in Triton's repository, whole or not at all."""
