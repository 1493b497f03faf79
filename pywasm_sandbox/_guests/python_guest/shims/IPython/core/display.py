"""The display objects under the name that IPython itself defines them in."""

from IPython.display import *  # noqa: F403
from IPython.display import __all__  # noqa: F401
