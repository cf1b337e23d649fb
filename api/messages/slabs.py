"""Why a series gives no slab, for people: reason code → sentence."""

REASONS = {
    "no_slices": "序列中没有可以解码的图像。",
    "colour": "彩色图像不能做 MIP、MinIP、AvgIP 或多平面重建。",
    "floating_point": "像素是浮点数，不能做投影或重建。",
    "modality_lut": "像素值由查找表给出，不能做投影或重建。",
    "no_position": "图像没有注明在体内的位置，不能做投影或重建。",
    "no_spacing": "图像没有注明像素间距，不能按毫米做投影或重建。",
    "mixed_orientations": "序列中各层方向不一致，例如混有定位像，不能做投影或重建。",
    "mixed_sizes": "序列中各层的行列数或像素间距不一致，不能做投影或重建。",
    "several_per_place": "同一位置有多幅图像，例如多期、多回波或多个 b 值，不能做投影或重建。",
    "bad_rescale": "图像的数值换算参数有误，不能做投影或重建。",
    "one_slice": "序列只有一层，不能重建其他平面。",
    "no_such_plane": "这个平面不在序列范围内。",
    "bad_plane": "平面的方向有误：行和列必须有长度并且互相垂直。",
    "too_large": "范围太大，请减小层厚或平面大小。",
    "not_read": "图像的几何信息有误，不能做投影或重建。",
    "gone": "影像正在重新准备，请稍后再试。",
}
