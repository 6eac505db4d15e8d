/* base/curve.h -- a point of a learning curve, as training logs it and the store keeps it. */
#ifndef BASE_CURVE_H
#define BASE_CURVE_H

struct rt_curve_point {
    int step;
    char name[32]; /* of the series */
    double value;
};
#endif
