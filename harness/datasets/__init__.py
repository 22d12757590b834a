"""Reads labelled portraits on disk into samples."""

from harness.datasets.folder import DataFolder, read_folder
from harness.datasets.labels import fold_emotion, names_label
from harness.datasets.order import stratified

__all__ = ["DataFolder", "fold_emotion", "names_label", "read_folder", "stratified"]
