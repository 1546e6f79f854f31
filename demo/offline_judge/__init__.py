"""The offline judge: an OpenAI-compatible endpoint on loopback that judges without network, key or download."""

from demo.offline_judge.grading import Strictness
from demo.offline_judge.judge import OfflineJudge
from demo.offline_judge.server import make_app, serve

__all__ = ["OfflineJudge", "Strictness", "make_app", "serve"]
