"""A group of commands that suggests the right one for a misspelt name, with every release of click."""

from __future__ import annotations

import click

from kprov.errors import did_you_mean


class Group(click.Group):
    """click suggests only commands that are already loaded, and releases before 8.4 suggest none."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if not name.startswith("-") and self.get_command(ctx, name) is None:
            known = self.list_commands(ctx)
            near = did_you_mean(name, known)
            ctx.fail(f"there is no command {name!r}; {near or 'the commands are ' + ', '.join(known)}")
        return super().resolve_command(ctx, args)
