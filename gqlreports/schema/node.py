"""The interface of all objects that have an id."""

import strawberry


@strawberry.interface(description="An object that `node` finds again by its id.")
class Node:
    id: strawberry.ID = strawberry.field(description="Its id, which no other object has.")
