"""Registration of the environments with Gymnasium. The import of this module registers them.

    import gymnasium
    gymnasium.make("sixgym.envs.registration:sixgym/RanSlicing-v0", network="ns3")

After the import, the part before the colon may be left out.
"""

import gymnasium

RAN_SLICING = "sixgym/RanSlicing-v0"

gymnasium.register(  # pyright: ignore[reportUnknownMemberType] - its kwargs are not typed
    id=RAN_SLICING,
    entry_point="sixgym.envs.ran_slicing.environment:RanSlicingEnv",
    vector_entry_point="sixgym.envs.ran_slicing.vector:RanSlicingVectorEnv",
)
