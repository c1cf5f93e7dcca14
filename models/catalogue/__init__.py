"""The catalogue: programme, areas, sources, datasets, indicators; YAML loaded once into frozen objects."""

from models.catalogue.catalogue import Areas, Catalogue, Peer, PeerGroup
from models.catalogue.load import load_catalogue
from models.catalogue.summary import check_summary

__all__ = ["Areas", "Catalogue", "Peer", "PeerGroup", "check_summary", "load_catalogue"]
