"""Why a model of documents says what it says: what each node counts, and what is near.

Everything here takes a model and documents as they are, and learns nothing.
"""
