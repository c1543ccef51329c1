"""What other frameworks call the keys of a spec: one table, for every block.

Hugging Face, Lightning, Keras, scikit-learn, timm, MMEngine, Ludwig, Hydra, axolotl, Optuna. A line names our keys
and the words for them; a key that is inside another block is written with it (`optimizer.lr`), and of several the
first that a block has is meant. A `?` marks a word whose unit or very meaning is another. Upper case, `_` and `-`
make no difference.
"""

import re
from functools import cache
from typing import NamedTuple

_TABLE = """
# the length of a phase, its batches and their order
epochs: max_epochs num_epochs num_train_epochs n_epochs nb_epochs nepochs epoch total_epochs training_epochs
    num_epoch max_epoch
steps: max_steps num_steps n_steps max_iters max_iter iterations iters num_iterations num_iters updates
    train_steps num_train_steps num_training_steps total_steps n_iter n_iters train_iters
batch_size: batch bs batchsize n_batch train_batch_size global_batch_size minibatch_size mini_batch_size
    auto_find_batch_size auto_scale_batch_size
    per_device_train_batch_size? per_device_batch_size? per_gpu_batch_size? samples_per_gpu?
    micro_batch_size? batch_size_per_gpu?
accumulate: accumulate_grad_batches gradient_accumulation_steps gradient_accumulation grad_accum
    grad_accum_steps accumulation accumulation_steps grad_accumulation_steps update_freq accum_iter
    accumulative_counts
sampler: shuffle? train_sampler batch_sampler data_sampler group_by_length
phases hardware: trainer
phases: stages training train fit curriculum training_arguments training_args train_args train_cfg
    training_config
# optimizer and learning rate
optimizer: optim opt optimiser optimizer_type optimizer_name optimizer_class optim_type optim_wrapper
    optimizer_config optimizer_cfg solver
optimizer.lr lr: lr learning_rate base_lr max_lr init_lr initial_lr lr_init learning_rate_init eta0 peak_lr lr0
    lr_base
    alpha? step_size?
optimizer.weight_decay weight_decay: weight_decay wd weightdecay decay? l2? l2_reg? l2_regularization?
optimizer.betas betas: adam_betas
    opt_betas
optimizer.momentum momentum: sgd_momentum
optimizer.eps eps: adam_epsilon epsilon
optimizer.groups groups: param_groups parameter_groups paramwise_cfg
schedule: scheduler lr_scheduler lr_schedule lr_scheduler_type lr_config sched learning_rate_scheduler
    scheduler_type scheduler_name param_scheduler lr_policy learning_rate_schedule lr_decay?
schedule.warmup warmup: warmup warmup_steps warmup_ratio warmup_epochs num_warmup_steps warmup_iters
    lr_warmup warmup_epoch learning_rate_warmup_epochs
    warmup_fraction n_warmup_steps lr_warmup_steps warmup_proportion lr_warmup_epochs warmup_t
clip.norm norm: max_grad_norm gradient_clip_val grad_clip clip_grad clip_grad_norm gradient_clip
    gradient_clip_norm grad_norm_clip clipnorm clip_norm global_clipnorm max_norm gradient_clipping
    clip_gradients
clip.value: clip_value clipvalue clip_grad_value
ema: model_ema use_ema exponential_moving_average
ema.decay decay: ema_decay model_ema_decay
    ema_momentum
# evaluation, checkpoints and early stopping
evaluate.every every: eval_steps eval_every eval_interval evaluation_interval val_interval
    val_check_interval check_val_every_n_epoch val_every eval_frequency eval_freq evaluate_every
    validation_steps validation_freq eval_every_n_steps eval_every_n_epochs
evaluate: evaluation evaluation_strategy eval_strategy validate eval
checkpoint.every every: save_steps save_every save_interval checkpoint_interval ckpt_interval save_frequency
    steps_per_checkpoint save_period
    save_freq checkpoint_every every_n_epochs every_n_train_steps save_every_n_epochs
checkpoint.keep keep: save_total_limit save_top_k max_to_keep keep_last_n max_keep_ckpts keep_checkpoint_max
    save_last_k
checkpoint: checkpoints checkpointing model_checkpoint save_strategy ckpt checkpoint_config
evaluate.best.metric best metric: metric_for_best_model save_best monitor_metric best_metric
    eval_metric scoring validation_metric
    best_model_metric selection_metric
early_stop: early_stopping earlystop early_stopper early_stopping_config earlystopping_callback
early_stop.patience patience: early_stopping_patience patience_steps patience_epochs early_stop_patience
    n_iter_no_change early_stopping_rounds
early_stop.min_delta min_delta: early_stopping_threshold min_delta_improvement early_stopping_min_delta tol
evaluate.best.metric early_stop.metric metric: monitor
mode: direction greater_is_better? monitor_mode
freeze: frozen frozen_stages freeze_layers frozen_layers trainable? freeze_backbone?
init: init_from load_from resume_from checkpoint_path resume_from_checkpoint init_cfg load_checkpoint
    warm_start
on_batch_error: skip_nan skip_nonfinite detect_anomaly
# the machine
devices: gpus n_gpus num_gpus n_devices num_devices gpu_count ngpu num_processes
accelerator devices: device
accelerator: cpu cuda mps use_cuda no_cuda use_cpu use_mps gpu device_type platform
nodes: num_nodes nnodes n_nodes num_machines
workers: num_workers n_workers dataloader_num_workers workers_per_gpu num_data_workers n_jobs
    dataloader_workers
precision: fp16 bf16 tf32 amp mixed_precision use_amp half dtype torch_dtype use_fp16 use_bf16
    float32_matmul_precision precision_plugin
compile: torch_compile use_compile compile_model torchcompile jit
    torchdynamo jit_compile
determinism: deterministic use_deterministic_algorithms cudnn_deterministic full_determinism
strategy: distributed_strategy distributed distributed_type parallel_strategy ddp fsdp deepspeed dist_mode
    zero_stage?
memory_limit: max_memory memory memory_limit_gb
hardware: machine compute resources environment device_config accelerate
# data
source: data dataset_path data_source reader loader dataloader
datasets: data dataset data_sources corpora
dataset: datasets
path: file filename filepath root root_dir data_dir dir folder data_path data_file data_files file_path
    csv_path data_root dataset_path data_folder img_dir image_dir train_path?
fields input: features
fields: columns input_features output_features schema data_fields
transforms: preprocessing pipeline transform preprocess preprocessors transformations train_transforms
    train_pipeline data_transforms
augment transforms: augmentation augmentations augs data_augmentation train_augmentation batch_augments
split.val val: val_split validation_split valid_split val_size validation_fraction val_fraction val_ratio
    validation_ratio validation_size valid_size valid dev eval_split dev_split valid_ratio
split.val val evaluate: validation
split.test test: test_split test_size test_fraction test_ratio
split.train train: train_split train_size train_fraction train_ratio
split.by by: group_by groups groupby group_column groups_column
split.stratify stratify: stratified stratify_by stratify_column
split: splits data_split holdout
limit: max_samples num_samples? subset? n_samples limit_train_batches max_train_samples
    nrows
cache: cache_data in_memory use_cache cache_mode
size: img_size image_size resolution input_size? resize? crop_size?
rate: sampling_rate sample_rate sfreq fs frequency sr
max_length: max_seq_length max_len block_size model_max_length context_length max_sequence_length seq_len
    seq_length sequence_len sequence_length n_positions max_position_embeddings n_ctx
channels: in_channels in_chans num_channels n_channels input_channels n_chans in_features nb_channels
missing: missing_values na_values null_values nan_values missing_marker fill_value
field: column columns input inputs key col feature in_field
layout: data_format channels_last channel_order
tokenizer: tokenizer_name tokenizer_type tokenizer_path
vocab_size: vocabulary_size num_tokens n_vocab
# tasks, targets, losses and metrics
loss: criterion loss_fn loss_function losses objective loss_type loss_name loss_cls
target labels classes: labels
target: label targets y y_column label_column target_column label_col target_col output outcome label_field
    label_key
input: inputs x features input_features input_field input_key in_key source_field input_column
classes: num_classes n_classes nclasses nclass num_labels n_labels num_outputs class_names label_names
    nc
    num_class
class_weights: class_weight pos_weight weights? balanced?
label_smoothing: label_smoothing_factor smoothing label_smooth
metrics: metrics metric eval_metrics evaluation_metrics val_metrics compute_metrics
task tasks: objectives
tasks: task heads output_features outputs
weight: loss_weight loss_scale coefficient coef lambda
head: classifier decoder_head output_head prediction_head fc
sample_weight: weight_column sample_weights
# the model
model: network net modules encoder_decoder nn architecture_config model_config
type: kind class class_name cls target_ _target_ class_path object_type
name type model: arch architecture
name: model_name model_name_or_path pretrained_model_name_or_path backbone base_model model_id variant
    checkpoint_name
encoder: backbone
hidden: hidden_dims hidden_sizes hidden_layers hidden_units hidden_layer_sizes fc_dims mlp_dims layer_sizes
    fc_layers hidden_features widths units hidden_channels num_hidden
dim width hidden: hidden_size hidden_dim embed_dim d_model embedding_dim n_embd model_dim embedding_size
    latent_dim d_hidden hidden_dimension emb_dim feature_dim out_dim output_dim output_size
heads: num_heads num_attention_heads nhead n_heads n_head attention_heads
depth layers: num_layers n_layers num_hidden_layers n_layer nlayers n_blocks num_blocks layers e_layers
kernel: kernel_size kernel_sizes filter_size ksize
stride: strides step_stride
dropout: drop_rate drop dropout_rate dropout_p p_dropout drop_prob hidden_dropout_prob dropout_prob
    attention_dropout? attn_drop? drop_path_rate?
activation: act act_fn activation_fn nonlinearity hidden_act act_layer activation_function act_cfg
norm: norm_type norm_layer normalization normalisation batch_norm norm_cfg use_batchnorm layer_norm
pretrained: weights use_pretrained pretrained_weights load_pretrained imagenet from_pretrained
per_dataset: per_domain domain_specific
causal: is_causal autoregressive is_decoder
patch: patch_size patch_len
# the rest of a spec
tracking: logger loggers logging report_to trackers tracker wandb tensorboard mlflow log_to
seed: data_seed random_seed random_state manual_seed torch_seed global_seed
name: run_name experiment_name project exp_name project_name experiment title
description: notes comment tags desc
tune: search sweep hparams hyperopt hyperparameter_search hyperparameters optuna
trials: n_trials num_trials num_samples max_trials
space: search_space param_space parameter_space
pruner: early_stopping_policy scheduler_asha
expect: assert asserts expectations thresholds
augment: mixup cutmix
regularizers: regularization regularisation regularizer penalty penalties weight_regularizer
    regularization_type? regularization_lambda?
    kernel_regularizer
probes: probe linear_probe linear_probes
scales: multi_scale multiscale image_scales
"""


class Synonym(NamedTuple):
    """Keys that a word may mean, the likeliest first; `alike` if the unit or the very meaning is another."""

    keys: tuple[str, ...]
    alike: bool


def synonym(word: str) -> Synonym | None:
    """Return what other frameworks mean by a word; None for a word that is not known."""
    return _meanings().get(plain(word))


def synonyms(word: str) -> tuple[str, ...]:
    """Return the keys, without the blocks around them, that other frameworks call by a word."""
    entry = synonym(word)
    return tuple(key.rpartition(".")[2] for key in entry.keys) if entry else ()


def plain(word: str) -> str:
    """Return a word without what makes no difference: upper case, blanks, `_` and `-`."""
    return re.sub(r"[\s_\-]", "", word).lower()


@cache
def _meanings() -> dict[str, Synonym]:
    """Return the table by word; an indented line continues the one above."""
    meanings: dict[str, Synonym] = {}
    for line in re.sub(r"\n {4}", " ", _TABLE).splitlines():
        keys, colon, words = line.partition(": ")
        for word in words.split() if colon and not line.startswith("#") else ():
            name = plain(word.rstrip("?"))
            before = meanings.get(name, Synonym((), alike=False))
            known = (*before.keys, *(key for key in keys.split() if key not in before.keys))
            meanings[name] = Synonym(known, alike=before.alike or word.endswith("?"))
    return meanings
