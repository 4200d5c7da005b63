"""Prefect flows: thin tasks over triage.pipeline."""
