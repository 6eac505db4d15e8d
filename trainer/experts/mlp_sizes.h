/* trainer/experts/mlp_sizes.h -- what perceptrons may be, for those who only name them. */
#ifndef TRAINER_EXPERTS_MLP_SIZES_H
#define TRAINER_EXPERTS_MLP_SIZES_H

enum { TR_MLP_LAYERS = 8, TR_MLP_WIDTH = 1024 };
enum tr_activation { TR_ACT_TANH, TR_ACT_RELU };
#endif
