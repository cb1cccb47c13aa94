"""Archives for the lab, laid out as upstream's, for machines that only reach package registries.

Kafka's and ZooKeeper's jars come from Maven Central, a Java runtime from PyPI; launchers and
configuration are kprov's own (``launchers/``, ``config/``). ``recipes.yaml`` says what each archive is
made of, and each archive carries a ``STAND-IN.txt`` that says what it is. Nothing outside ``kprov.lab``
knows about them: they are installed as genuine archives are.
"""

from kprov.lab.archives.recipe import recipes
from kprov.lab.archives.store import Built, build, default_directory

__all__ = ["Built", "build", "default_directory", "recipes"]
