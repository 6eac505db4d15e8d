/* trainer/env/mujoco_picture.c -- geoms as capsules. */
#ifdef RT_MUJOCO
#include "trainer/env/mujoco_picture.h"

#include <math.h>

/* A geom from the side, x to the right and z up, by its longest axis. */
static struct tr_capsule silhouette(const mjModel *m, const mjData *d, int g)
{
    const double *size = m->geom_size + 3 * (ptrdiff_t)g, *at = d->geom_xpos + 3 * (ptrdiff_t)g;
    const double *turn = d->geom_xmat + 9 * (ptrdiff_t)g; /* rows: x, y, z of the world */
    int axis = 2;
    double half, radius = size[0];

    if (m->geom_type[g] == mjGEOM_PLANE)
        return (struct tr_capsule){at[0] - 100, at[2], at[0] + 100, at[2], .005};
    if (m->geom_type[g] == mjGEOM_CAPSULE || m->geom_type[g] == mjGEOM_CYLINDER) {
        half = size[1];
    } else if (m->geom_type[g] == mjGEOM_SPHERE) {
        half = 0;
    } else {
        axis = size[0] >= size[1] && size[0] >= size[2] ? 0 : size[1] >= size[2] ? 1 : 2;
        radius = fmin(size[0], fmin(size[1], size[2]));
        half = fmax(0, size[axis] - radius);
    }
    return (struct tr_capsule){at[0] - half * turn[axis], at[2] - half * turn[6 + axis],
                               at[0] + half * turn[axis], at[2] + half * turn[6 + axis], radius};
}

int tr__mujoco_picture(const mjModel *m, const mjData *d, int room, struct tr_capsule *capsules)
{
    for (int g = 0; g < m->ngeom && g < room; g++)
        capsules[g] = silhouette(m, d, g);
    return m->ngeom;
}
#else
typedef int tr__no_mujoco; /* C has no empty files */
#endif
