"""A group of commands that suggests the right one where a name is misspelt, with every release of click."""

from __future__ import annotations

import click

from kprov.errors import did_you_mean


class Group(click.Group):
    """click's own suggestions know only commands that are loaded already, and none before 8.4."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            near = did_you_mean(name, known)
            ctx.fail(f"there is no command {name!r}; {near or 'the commands are ' + ', '.join(known)}")
        return super().resolve_command(ctx, args)
