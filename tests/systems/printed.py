"""What the papers print of each key of a published preset, or that they do not print it.

A value is followed by the paper's own words or place, or begins with "not printed" and says where
ours comes from. `test_presets` holds conf/system/NAME/published.yaml to every line.
"""

from typing import Any

Printed = dict[str, tuple[Any, str]]  # dotted key of the block -> value, source

NO_L2 = (0.0, "not printed: none")
NO_CLIPPING = (None, "not printed: none")
NO_AVERAGING = (0.0, "not printed: none")
NO_UNKNOWN = (0.0, "not printed: no word is hidden")
NO_MOMENTUM = (0.0, "not printed: none; adam and adagrad have none")
ONE_BATCH = (1, "not printed: a step a batch")
ALL_ROWS = ("dense", "not printed: the usual optimizers move every row")
SINGLE = ("float32", "not printed: single precision")
ALL_VECTORS = (0.0, "all vectors")
FREE_DECODING = (False, "not printed: the best sequence of all")

SHARED: Printed = {
    "preset": ("published", "the file's name"),
    "removed_vectors": ALL_VECTORS,
    "context.store": ("none", "no paper reads contextual words"),
    "context.width": (64, "not read"),
    "context.dropout": (0.2, "not read"),
    "training.momentum": NO_MOMENTUM,
    "training.weight_decay": NO_L2,
    "training.decay": (0.0, "not printed: a constant rate"),
    "training.clip_norm": NO_CLIPPING,
    "training.averaging": NO_AVERAGING,
    "training.accumulate": ONE_BATCH,
    "training.table": ALL_ROWS,
    "training.precision": SINGLE,
    "model.unknown_rate": NO_UNKNOWN,
    "model.constrained": FREE_DECODING,
}

COATTENTION: Printed = SHARED | {  # Zhang et al. 2018, "Parameter Setting" unless said
    "training.optimizer": ("rmsprop", "The optimizer is Rmsprop"),
    "training.learning_rate": (0.19, "its learning rate is set to 0.19"),
    "training.momentum": (0.0, "not printed: none"),
    "training.batch_posts": (10, "not printed: of the released program"),
    "training.max_epochs": (25, "not printed: of the released program"),
    "training.patience": (25, "not printed: all epochs, the best on dev"),
    "model.hidden": (200, "the output dimension of the bidirectional LSTM is set to 200"),
    "model.dropout": (0.5, "not printed: Table 3 says that there is dropout"),
    "model.char_width": (30, "The dimension for character embeddings is set to 30"),
    "model.char_filters": (32, "three groups of 32 filters"),
    "model.char_windows": ([2, 3, 4], "window sizes of (2,3,4)"),
    "model.char_padding": ("right", "truncating or zero-padding as necessary"),
    "model.char_length": (30, "the word length is set to 30"),
    "model.attention": ("concatenated", "⊕ ... the concatenation"),
    "model.attention_width": (
        200,
        "all of the parameters' dimensions",
    ),
    "model.fusion": ("scalar_gate", "not printed: the product of the gate has no ⊙"),
    "model.filtration": (True, "Filtration Gate"),
    "model.crf": (True, "CRF Tagging Models"),
}

MODALITY: Printed = SHARED | {  # Moon et al. 2018, section 4.3 unless said
    "training.optimizer": ("adagrad", "We optimize the parameters with Adagrad"),
    "training.learning_rate": (0.02, "learning rate 0.02"),
    "training.decay": (0.0, "decay 0.0"),
    "training.batch_posts": (10, "batch size 10"),
    "training.max_epochs": (40, "not printed: dev has long stopped rising"),
    "training.patience": (10, "not printed"),
    "model.modalities": (["words", "characters", "image"], "W+C+V"),
    "model.fusion": ("attention", "w/ Modality Attention"),
    "model.characters": ("bilstm", "3.1: obtained from a Bi-LSTM"),
    "model.segmentation": (0.0, "4.2: a second task is Aguilar et al.'s"),
    "model.hidden": (200, "LSTM hidden states: 100, in each direction"),
    "model.width": (150, "x̄ dimension: 150"),
    "model.transform": ("sigmoid", "3.1: σ_w, σ_c, σ_v"),
    "model.score": ("sigmoid", "equation 4: σ"),
    "model.missing_vectors": ("random", "3.3: an all-zero vector or a random vector"),
    "model.cell": ("coupled", "equation 1"),
    "model.dropout": (0.0, "not printed: none"),
    "model.char_width": (25, "not printed: of Lample et al. 2016"),
    "model.char_hidden": (150, "character embeddings dimension: 150"),
    "model.char_filters": (30, "not printed: of Ma and Hovy 2016"),
    "model.char_windows": ([3], "not printed: of Ma and Hovy 2016"),
    "model.char_padding": ("borders", "not printed: of Ma and Hovy 2016"),
    "model.char_length": (None, "not printed: words are whole"),
}

CWI: Printed = SHARED | {  # Asgari-Chenaghlu et al. 2022
    "training.optimizer": ("adam", "4.2: Adam optimizer"),
    "training.learning_rate": (8e-5, "4.2: with 8 x 10^-5"),
    "training.batch_posts": (16, "not printed: ours"),
    "training.max_epochs": (10, "4.2: with 10 epochs"),
    "training.patience": (10, "not printed: all epochs, the best on dev"),
    "model.hidden": (200, "Tables 5 and 7: size 100, in each direction"),
    "model.dropout": (0.0, "not printed: none but the targeted one"),
    "model.char_width": (40, "Table 4: embedding vector size is set to 40"),
    "model.char_length": (40, "Table 4: 35 x 40"),
    "model.regularized": (True, "Table 9: yes"),
    "model.drop_rate": (0.25, "Table 4: DR 0.25"),
    "model.target_rate": (0.4, "Table 4: TR 0.4"),
    "model.targets": ("smallest", "not printed: of the layer that has DR and TR"),
    "model.prune": (True, "not printed: of the layer that has DR and TR, and of its paper"),
    "model.epsilon": (0.0025, "Table 4: ϵ 0.0025"),
    "model.image_width": (50, "Table 6: embedding 50"),
    "model.image_hidden": (50, "Table 6: size 50"),
}

CWI_ATTENTION: Printed = CWI | {
    "model.attends": ("tokens", "4.2: after layer 31; section 3 says: applied to this triplet"),
    "model.readout": ("attended", "equation 15"),
}

KNOWLEDGE: Printed = SHARED | {  # Chen et al. 2021, section 4.2 unless said
    "training.optimizer": ("adam", "We set Adam optimizer"),
    "training.learning_rate": (0.001, "the best score when the learning rate is 0.001"),
    "training.batch_posts": (20, "the batch size is 20"),
    "training.max_epochs": (20, "not printed: ours"),
    "training.patience": (5, "not printed: ours"),
    "model.image": (True, "Table 3: with image"),
    "model.attributes": (True, "3.2"),
    "model.attribute_weights": ("network", "3.4, read as in the paper that it cites"),
    "model.knowledge": (True, "3.2"),
    "model.char_width": (50, "50D character embeddings"),
    "model.char_filter": ("row", "a kernel size of 1 x 3"),
    "model.activation": ("elu", "not printed: of the paper that equation 3 comes from"),
    "model.inner": (None, "3.4: W_t is d_e x d_e"),
    "model.region_scores": ("features", "equation 7: a_v has d_e numbers for each region"),
    "model.recurrent": (False, "Fig. 2 and 3.5: the CRF reads O"),
    "model.hidden": (200, "has no effect: there is no BiLSTM"),
    "model.dropout": (0.5, "the dropout is 0.5"),
}

TRIMOD: Printed = SHARED | {  # Alfaqeeh 2024, Table II unless said
    "training.optimizer": ("sgd", "V-A: mini-batch stochastic gradient descent"),
    "training.learning_rate": (0.005, "Learning Rate 0.005"),
    "training.momentum": (0.0, "not printed: none"),
    "training.decay": (0.05, "Learning Rate Decay 0.05"),
    "training.batch_posts": (10, "Batch Size 10"),
    "training.accumulate": (9, "k-steps 9"),
    "training.max_epochs": (50, "not printed: ours"),
    "training.patience": (10, "not printed: ours"),
    "model.modalities": (["text", "captions", "hashtags"], "IV"),
    "model.char_width": (30, "Character Embedding Dimension 30"),
    "model.char_hidden": (30, "Char-level Bi-GRU Hidden Dimension 30, counted as in equation 3"),
    "model.hidden": (150, "Word-level Bi-GRU Hidden Dimension 150, counted as in equation 3"),
    "model.fusion": ("additive", "equation 11"),
    "model.fusion_width": (150, "equation 11: u is d x 1, so that m is d"),
    "model.dropout": (0.55, "Dropout Rate 0.55"),
    "model.output_dropout": (0.0, "not printed: none"),
    "model.l1": (0.0, "Table IV: each regulariser alone"),
    "model.batch_norm": (False, "Table IV: each regulariser alone"),
}

PRINTED: dict[str, Printed] = {
    "adaptive_coattention": COATTENTION,
    "modality_attention": MODALITY,
    "cwi": CWI,
    "cwi_attention": CWI_ATTENTION,
    "attributes_knowledge": KNOWLEDGE,
    "trimod": TRIMOD,
}
