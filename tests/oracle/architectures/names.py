"""Which architectures: the smallest of every family, so that the sweep is quick.

`library/name`: timm's and torchvision's registered names; transformers' image classifiers with a small configuration.
"""

TIMM = """
    resnet10t resnet18 resnet18d resnet26d resnetblur18 resnetaa34d seresnet18 ecaresnet26t resnet50
    resnext50_32x4d resnetrs50 resnetv2_18 resnetv2_50x1_bit resnetv2_50d_gn resnetv2_50d_frn resnetv2_50d_evos
    skresnet18 resnest14d res2net50_26w_4s densenet121 densenetblur121d dla34 dla46_c dla46x_c dla60_res2net
    dpn48b vgg11 vgg11_bn hrnet_w18_small selecsls42 vovnet39a ese_vovnet19b_slim_dw ese_vovnet19b_dw hgnet_tiny
    hgnetv2_b0 gernet_s repvgg_a0 mobileone_s0 resnet33ts eca_resnext26ts gcresnext26ts bat_resnext26ts
    resnet51q regnetz_b16 resnet50_clip resnet50_mlp botnet26t_256 lambda_resnet26t halonet26t sehalonet33ts
    regnetx_002 regnety_002 regnetz_005 cspresnet50 cs3darknet_focus_s cs3darknet_s darknet17 darknetaa53
    cspnext_tiny tresnet_m nasnetalarge inception_v3 inception_v4 inception_resnet_v2 xception41 xception41p
    legacy_xception legacy_seresnet18 mobilenetv1_100 mobilenetv2_050 mobilenetv3_small_050
    mobilenetv3_large_075 tf_mobilenetv3_small_minimal_100 mobilenetv4_conv_small_035 mobilenetv4_conv_aa_medium
    mobilenetv4_hybrid_medium_075 lcnet_035 lcnetv2_small fbnetc_100 fbnetv3_b mnasnet_small hardcorenas_a
    mixnet_s efficientnet_b0 efficientnet_lite0 efficientnet_es efficientnetv2_rw_t efficientnet_b0_gn
    efficientnet_b0_g16_evos efficientnet_blur_b0 efficientnet_cc_b0_4e tf_efficientnet_b0
    gc_efficientnetv2_rw_t ghostnet_050 ghostnetv2_100 ghostnetv3_050 repghostnet_050 repvit_m0_9 rexnet_100
    rexnetr_100 starnet_s050 shvit_s1 fasternet_t0 cpubone_nano lowformer_b0 efficientvim_m1 csatv2
    convnext_atto convnext_atto_ols convnext_zepto_rms convnextv2_atto inception_next_atto
    convmixer_1024_20_ks9_p14 rdnet_tiny mambaout_femto test_nfnet nfnet_l0 eca_nfnet_l0 nf_regnet_b0
    nf_resnet26 focalnet_tiny_srf edgenext_xx_small mobilevit_xxs mobilevitv2_050 efficientformer_l1
    efficientformerv2_s0 efficientvit_b0 efficientvit_m0 efficientvit_l1 fastvit_t8 fastvit_sa12 swiftformer_xs
    iformer_t poolformer_s12 poolformerv2_s12 caformer_s18 convformer_s18 test_vit test_vit2 test_vit3 test_vit4
    vit_tiny_patch16_224 vit_small_patch14_dinov2 vit_base_patch32_clip_224 vit_base_patch16_siglip_224
    vit_medium_patch16_gap_240 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 deit3_small_patch16_224
    vit_relpos_small_patch16_224 vit_srelpos_small_patch16_224 eva02_tiny_patch14_224 vit_small_patch16_dinov3
    vit_small_patch16_rope_224 vit_small_patch16_rope_mixed_224 vit_pe_core_tiny_patch16_384
    beit_base_patch16_224 cait_xxs24_224 convit_tiny coat_tiny coat_lite_tiny coatnet_pico_rw_224
    coatnet_nano_cc_224 test_coatnet test_maxvit maxvit_pico_rw_256 crossvit_tiny_240 crossvit_9_dagger_240
    davit_tiny gcvit_xxtiny hiera_tiny_224 sam2_hiera_tiny levit_128s levit_conv_128s mixer_s32_224
    gmixer_12_224 gmlp_ti16_224 resmlp_12_224 mvitv2_tiny nest_tiny nextvit_small pit_ti_224 pvt_v2_b0
    pvt_v2_b2_li sequencer2d_s swin_tiny_patch4_window7_224 swin_s3_tiny_224 swinv2_tiny_window8_256
    swinv2_cr_tiny_224 tiny_vit_5m_224 tnt_s_patch16_224 twins_pcpvt_small twins_svt_small visformer_tiny
    vitamin_small_224 vit_tiny_r_s16_p8_224 volo_d1_224 xcit_nano_12_p16_224 naflexvit_base_patch16_gap
    samvit_base_patch16_224 aimv2_large_patch14_224
""".split()

TORCHVISION = """
    alexnet vgg11 vgg11_bn resnet18 resnet50 wide_resnet50_2 resnext50_32x4d densenet121 squeezenet1_0
    squeezenet1_1 googlenet inception_v3 mnasnet0_5 mobilenet_v2 mobilenet_v3_small mobilenet_v3_large
    shufflenet_v2_x0_5 efficientnet_b0 efficientnet_v2_s regnet_x_400mf regnet_y_400mf convnext_tiny vit_b_32
    swin_t swin_v2_t maxvit_t
""".split()

TRANSFORMERS = """
    vit deit beit dinov2 dinov2_with_registers dinov3_vit swin swinv2 convnext convnextv2 mobilevit mobilevitv2
    clip siglip resnet regnet efficientnet mobilenet_v1 mobilenet_v2 levit poolformer focalnet cvt
    data2vec-vision swiftformer bit vit_msn ijepa hiera pvt_v2 segformer hgnet_v2 textnet
""".split()

LARGE = """
    torchvision/alexnet torchvision/vgg11 torchvision/vgg11_bn timm/vgg11 timm/vgg11_bn torchvision/wide_resnet50_2
    torchvision/vit_b_32 torchvision/maxvit_t timm/nasnetalarge timm/convmixer_1024_20_ks9_p14
    timm/vit_base_patch32_clip_224 timm/vit_base_patch16_siglip_224 timm/beit_base_patch16_224
    timm/naflexvit_base_patch16_gap timm/samvit_base_patch16_224 timm/aimv2_large_patch14_224 timm/inception_v4
    timm/inception_resnet_v2 timm/tresnet_m timm/dpn48b timm/xception41 timm/xception41p timm/halonet26t
    timm/sehalonet33ts timm/lambda_resnet26t timm/botnet26t_256 timm/gcvit_xxtiny timm/efficientvim_m1
""".split()
"""They come last."""

ALL = sorted(
    [f"transformers/{name}" for name in TRANSFORMERS]
    + [f"torchvision/{name}" for name in TORCHVISION]
    + [f"timm/{name}" for name in TIMM],
    key=lambda name: name in LARGE,
)
