"""Makes the environments known to Gymnasium. Importing this module is what registers them.

    import gymnasium
    gymnasium.make("sixgym.envs.registration:sixgym/RanSlicing-v0", network="ns3")

or import it once and leave out the part before the colon.
"""

import gymnasium

RAN_SLICING = "sixgym/RanSlicing-v0"

gymnasium.register(  # pyright: ignore[reportUnknownMemberType] - its kwargs are not typed
    id=RAN_SLICING,
    entry_point="sixgym.envs.ran_slicing.environment:RanSlicingEnv",
    vector_entry_point="sixgym.envs.ran_slicing.vector:RanSlicingVectorEnv",
)
