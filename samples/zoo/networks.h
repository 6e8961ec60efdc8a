/* One function a network, each in the file of its name (families share one): what a spec's NAME leads to. */
#ifndef ZOO_NETWORKS_H
#define ZOO_NETWORKS_H

#include "net.h"

sepcl_value mobilenet_v1(net *n);
sepcl_value se_mobilenet(net *n);
sepcl_value mobilenet_v2(net *n);
sepcl_value aspp_mobilenet_v2(net *n);
sepcl_value mobilenet_v3_large(net *n);
sepcl_value mobilenet_v3_small(net *n);
sepcl_value efficientnet_lite0(net *n);
sepcl_value xception(net *n);
sepcl_value keras_separable(net *n);
sepcl_value igcv2(net *n);
sepcl_value igcv3_d(net *n);
sepcl_value shufflenet_v1(net *n);
sepcl_value shufflenet_v2(net *n);
sepcl_value resnet50(net *n);
sepcl_value se_resnet50(net *n);
sepcl_value densenet121(net *n);
sepcl_value googlenet(net *n);
sepcl_value squeezenet_1_1(net *n);
sepcl_value vgg16(net *n);
sepcl_value alexnet(net *n);
sepcl_value deformable(net *n);
sepcl_value separable(net *n);
sepcl_value group_conv(net *n);
sepcl_value stack(net *n);
sepcl_value bottleneck(net *n);
sepcl_value dilated(net *n);
sepcl_value low_rank(net *n);
sepcl_value dead_channels(net *n);

#endif
