#!/usr/bin/env python3
"""Steps of Gymnasium's classic environments, for test_env to take too: it must agree to 4e-15.

    python3 -m venv venv && venv/bin/pip install gymnasium
    venv/bin/python tests/peers/gymnasium_paths.py > steps.txt
    RETORT_STEPS=$PWD/steps.txt build/dev/tests/test_env
"""
import gymnasium
import numpy as np

NAMES = {"pendulum": "Pendulum-v1", "cartpole": "CartPole-v1", "acrobot": "Acrobot-v1", "mountain_car": "MountainCar-v0"}


def steps(name, episodes=20):
    env = gymnasium.make(NAMES[name]).unwrapped
    rng = np.random.default_rng(0)
    for episode in range(episodes):
        env.reset(seed=episode)
        for _ in range(100):
            before = np.array(env.state, dtype=np.float64)
            action = rng.uniform(-2.5, 2.5) if name == "pendulum" else int(rng.integers(env.action_space.n))
            _, reward, ended, _, _ = env.step(np.array([action]) if name == "pendulum" else action)
            after = np.array(env.state, dtype=np.float64)
            yield [name, len(before), *map(repr, map(float, before)), repr(float(action)), repr(float(reward)),
                   int(ended), *map(repr, map(float, after))]
            if ended:
                break


if __name__ == "__main__":
    for each in NAMES:
        for step in steps(each):
            print(*step)
